// Files that are dropped anywhere on a page: its drop area shows it, and a field takes them.

// Calls `then` when the field holds them; `most` says how many it may be.
export function takeDrops(area, field, then, most = Infinity) {
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
    if (!files.length || files.length > most) return;
    field.files = files;
    then();
  });
}
