// Forms of the page Models: a dropped file, and folder fields that are shown without planes. Without this script: plain forms.

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
