// The reader's own time zone, in the tooltip of every time.
const local = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
const nameTimes = (root) => {
  root.querySelectorAll("time[data-instant], time[data-window]").forEach((time) => {
    time.title = `${time.dateTime.split("/").map(local).join(" to ")} (your time)`;
  });
};
document.addEventListener("DOMContentLoaded", () => nameTimes(document));
document.addEventListener("htmx:afterSwap", (event) => nameTimes(event.target));
// Wide drawings of windows begin at the newest one, at the right.
const showNewest = (root) => root.querySelectorAll("[data-newest-last]").forEach((box) => { box.scrollLeft = box.scrollWidth; });
document.addEventListener("DOMContentLoaded", () => showNewest(document));
document.addEventListener("htmx:afterRequest", (event) => event.target.closest?.("details.drop")?.removeAttribute("open"));
document.addEventListener("htmx:load", (event) => showNewest(event.detail.elt));
