// What only a browser can do: copying code, staying at the end of a growing answer, and
// marking where one is. It keeps no state that the server would have to know.

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  const code = button.closest("figure").querySelector("code").textContent;
  await navigator.clipboard.writeText(code);
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 1500);
});

// An answer that grows stays in sight for whoever is at its end, and moves nobody else.
let atEnd = true;
const nearEnd = () => window.innerHeight + window.scrollY > document.body.scrollHeight - 80;
let lastY = window.scrollY;
window.addEventListener(
  "scroll",
  () => {
    // Only going up leaves the end: what has grown since the last scroll is nobody's doing.
    if (window.scrollY < lastY || nearEnd()) atEnd = nearEnd();
    lastY = window.scrollY;
  },
  { passive: true },
);
new ResizeObserver(() => {
  if (atEnd && document.querySelector(".log")) window.scrollTo(0, document.body.scrollHeight);
}).observe(document.documentElement);

function markPlace() {
  for (const link of document.querySelectorAll("a.place, a.conversation")) {
    const path = link.getAttribute("href");
    const ids = link.dataset.ids?.split(" ") ?? [];
    const within = path !== "/chat" && location.pathname.startsWith(`${path}/`);
    const ofIt = ids.some((id) => location.pathname === `/chat/${id}`);
    const here = location.pathname === path || within || ofIt;
    if (here === link.hasAttribute("aria-current")) continue; // it costs a new style
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}
for (const name of ["pushState", "replaceState"]) {
  const original = history[name];
  history[name] = function (...args) {
    original.apply(this, args);
    markPlace();
  };
}
window.addEventListener("popstate", markPlace);
new MutationObserver(markPlace).observe(document.body, { childList: true, subtree: true });
