// The reader's own time zone, in the tooltip of every time.
const local = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
const nameTimes = (root) => {
  root.querySelectorAll("time[data-instant], time[data-window]").forEach((time) => {
    time.title = `${time.dateTime.split("/").map(local).join(" to ")} (your time)`;
  });
};
document.addEventListener("DOMContentLoaded", () => nameTimes(document));
document.addEventListener("htmx:afterSwap", (event) => nameTimes(event.target));
