// The forms of the page of models: dropping a file, and a folder that waits for its turn. Without it they work as forms do.

const drop = document.getElementById("model-drop");
if (drop) {
  const file = document.getElementById("model-file");
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer.files.length === 1) file.files = event.dataTransfer.files;
  });
}

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
