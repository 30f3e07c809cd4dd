// Files dropped anywhere on a page: the drop area is highlighted, and a file field receives them.

// Call `then` after the field has received the files; more than `maxFiles` are ignored.
export function takeDrops(area, field, then, maxFiles = Infinity) {
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      area.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) area.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("over");
    const files = event.dataTransfer.files;
    if (!files.length || files.length > maxFiles) return;
    field.files = files;
    then();
  });
}
