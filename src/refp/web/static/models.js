// The forms of the page of models: dropping a file, and a folder that waits for its turn. Without it they work as forms do.

import { takeDrops } from "/static/drop.js";

const drop = document.getElementById("model-drop");
if (drop) takeDrops(drop, document.getElementById("model-file"), () => {}, 1);

const planes = document.querySelector("#adapt-form select[name=planes]");
const folder = document.getElementById("adapt-folder");
function showFolder() {
  const given = planes.value !== "";
  folder.hidden = given;
  for (const field of folder.querySelectorAll("input")) field.disabled = given;
}
if (planes && folder) {
  planes.addEventListener("change", showFolder);
  showFolder();
}

// A job is asked for once, however often the button is pressed.
for (const form of document.querySelectorAll("main form")) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("button")) button.disabled = true;
  });
}
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("main form button")) button.disabled = false;
});
