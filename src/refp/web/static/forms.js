// Every form that sends by POST: sent once, with its progress; a problem is shown in place, so that files and fields
// remain. Without this script the forms work as plain forms.

const MEGABYTE = 1e6;
const LARGE = 2 * MEGABYTE; // smaller uploads take no time that a bar could show
const UNREACHABLE = "The server could not be reached; press the button again.";

function add(form, name, className) {
  const place = document.createElement(name);
  place.className = className;
  form.append(place);
  return place;
}

function showSent(form, event) {
  if (!event.lengthComputable || event.total < LARGE) return;
  const line = form.querySelector(".sending") ?? add(form, "p", "sending");
  if (!line.firstChild) {
    line.setAttribute("role", "status");
    line.append(document.createElement("progress"), document.createElement("span"));
    line.firstChild.setAttribute("aria-label", "sent");
  }
  const [bar, text] = line.children;
  bar.max = event.total;
  bar.value = event.loaded;
  const [sent, all] = [event.loaded, event.total].map((bytes) => (bytes / MEGABYTE).toFixed(0));
  text.textContent = event.loaded < event.total ? `sending, ${sent} of ${all} MB` : "checking the upload";
  line.hidden = false;
}

function showProblem(form, text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  const place = form.querySelector(".form-problem") ?? add(form, "div", "form-problem");
  place.setAttribute("aria-live", "assertive");
  place.replaceChildren(page.querySelector(".problem") ?? document.createTextNode(UNREACHABLE));
  place.scrollIntoView({ block: "nearest" });
}

function setBusy(form, isBusy) {
  for (const button of form.querySelectorAll("button")) button.disabled = isBusy;
  if (!isBusy) form.querySelector(".sending")?.setAttribute("hidden", "");
}

function send(event) {
  const form = event.target;
  if (form.method !== "post" || form.hasAttribute("hx-post")) return;
  event.preventDefault();
  if (form.classList.contains("sends")) return;
  form.classList.add("sends");
  const request = new XMLHttpRequest();
  const end = (text) => {
    form.classList.remove("sends");
    setBusy(form, false);
    showProblem(form, text);
    form.dispatchEvent(new Event("problem"));
  };
  request.upload.addEventListener("progress", (sent) => showSent(form, sent));
  request.addEventListener("error", () => end(""));
  request.addEventListener("load", () => {
    if (request.status < 400) location.assign(request.responseURL);
    else end(request.responseText);
  });
  form.querySelector(".form-problem")?.replaceChildren();
  request.open("POST", form.action);
  request.send(new FormData(form));
  setBusy(form, true);
}

addEventListener("submit", send);
// After the back button, the forms can be sent again.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("main form.sends")) {
    form.classList.remove("sends");
    setBusy(form, false);
  }
});
