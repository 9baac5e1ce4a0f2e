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
let below = 0; // pixels of the page below the window when it was last scrolled
let height = 0;

// A page that is loaded anew, as by another server, shows what it showed before.
// In a chat that is a piece and where its top was: those far above have no height yet.
const PLACE = "airunner place";
const [placeOf, place] = JSON.parse(sessionStorage.getItem(PLACE) ?? "[]");
const pieces = () => [...document.querySelectorAll(".log > *")];
const topOf = (piece) => piece?.getBoundingClientRect().top;
sessionStorage.removeItem(PLACE);
const isReload = performance.getEntriesByType("navigation")[0]?.type === "reload";
let goesTo = isReload && placeOf === location.pathname ? place : null;
window.addEventListener("pagehide", () => {
  if (atEnd) return;
  const at = pieces().findIndex((piece) => piece.getBoundingClientRect().bottom > 0);
  const place = { y: window.scrollY, at, top: topOf(pieces()[at]) };
  sessionStorage.setItem(PLACE, JSON.stringify([location.pathname, place]));
});
for (const moved of ["wheel", "pointerdown", "keydown"])
  window.addEventListener(moved, () => (goesTo = null), { passive: true });

const nearEnd = () => window.innerHeight + window.scrollY > document.body.scrollHeight - 80;
let lastY = window.scrollY;
window.addEventListener(
  "scroll",
  () => {
    // Only going up leaves the end: what has grown since the last scroll is nobody's doing.
    if (window.scrollY < lastY || nearEnd()) atEnd = nearEnd();
    lastY = window.scrollY;
    below = document.body.scrollHeight - window.innerHeight - lastY;
  },
  { passive: true },
);
new ResizeObserver(() => {
  const grew = document.body.scrollHeight > height;
  height = document.body.scrollHeight;
  if (goesTo !== null) {
    const { y, at, top } = goesTo;
    const to = at < 0 ? y : window.scrollY + topOf(pieces()[at]) - top;
    if (!(height - window.innerHeight >= to)) return; // not all of it is there
    atEnd = false;
    window.scrollTo(0, to);
    goesTo = null;
    return;
  }
  // Without a server no answer grows, but the room for the word that says so.
  const follows = document.body.classList.contains("out-of-reach") ? below < 1 : atEnd;
  if (grew && follows && document.querySelector(".log")) window.scrollTo(0, height);
}).observe(document.documentElement);

function markPlace() {
  // In the navigation alone: looking through a long conversation takes long.
  const links = document.querySelector(".side")?.querySelectorAll("a.place, a.conversation");
  for (const link of links ?? []) {
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
