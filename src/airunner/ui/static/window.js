// What a window needs of its browser beside any page: saying quietly that the server is out
// of reach, the colour of the browser's own bar, and notifications of reminders.

window.airunnerWindow = (() => {
  const QUIET_MS = 2500; // a connection that is back by then is not worth a word
  const LONG_MS = 15000;
  const SERVER_ENDS = 1012; // what a server that is told to stop closes a WebSocket with
  const INTERRUPTED = "airunner interrupted";
  let timers = [];
  let leaving = false;
  window.addEventListener("beforeunload", () => (leaving = true));

  function bar() {
    let element = document.querySelector(".connection");
    if (!element) {
      element = document.createElement("div");
      element.className = "connection";
      element.setAttribute("role", "status");
      document.body.append(element);
      // What lies at the foot otherwise stands above it.
      new ResizeObserver(() =>
        document.documentElement.style.setProperty("--foot", `${element.offsetHeight}px`),
      ).observe(element);
    }
    return element;
  }

  // A class, for the style of everything would depend on what is in the bar.
  function say(words) {
    bar().textContent = words;
    document.body.classList.toggle("out-of-reach", words !== "");
  }

  // A specialist's task ends with the server, and what is connected anew is a new page: it gets
  // what was written in the fields of the one before.
  const texts = () => [...document.querySelectorAll(".specialists textarea")];
  function remember() {
    if (leaving || !document.querySelector(".task[data-runs]")) return;
    const written = texts().map((area) => area.value);
    sessionStorage.setItem(INTERRUPTED, JSON.stringify([location.pathname, written]));
  }

  function tellInterrupted() {
    const [where, written] = JSON.parse(sessionStorage.getItem(INTERRUPTED) ?? "[]");
    sessionStorage.removeItem(INTERRUPTED);
    if (where !== location.pathname) return;
    texts().forEach((area, place) => {
      area.value = written[place] ?? "";
      area.dispatchEvent(new Event("input", { bubbles: true }));
    });
    Quasar.Notify.create({
      message: "The server ended while this was done. Begin it again.",
      position: "top",
      timeout: 0,
      color: "notice-bad",
      textColor: "notice-on",
      actions: [{ label: "Close", color: "notice-on", noCaps: true }],
    });
  }

  function lost(_, details) {
    timers.forEach(clearTimeout);
    remember();
    if (details?.context?.code === SERVER_ENDS) {
      say("AI Runner has ended. When it is started again, this page goes on.");
      return;
    }
    timers = [
      setTimeout(
        () =>
          say(
            navigator.onLine
              ? "No connection to AI Runner. What is here stays, and goes on when it is back."
              : "This device is offline. What is here stays, and goes on when it is back.",
          ),
        QUIET_MS,
      ),
      setTimeout(() => {
        if (navigator.onLine)
          say("AI Runner does not answer. If it has ended, airunner ui starts it again.");
      }, LONG_MS),
    ];
  }

  function back() {
    timers.forEach(clearTimeout);
    timers = [];
    if (document.querySelector(".connection")) say("");
    // Of the same server, it goes on; another one has the page loaded anew at once.
    if (document.querySelector(".task[data-runs]"))
      timers = [setTimeout(() => sessionStorage.removeItem(INTERRUPTED), LONG_MS)];
    else tellInterrupted();
  }

  function watch() {
    if (!window.socket) {
      setTimeout(watch, 100);
      return;
    }
    window.socket.on("disconnect", lost);
    window.socket.on("connect", back);
    if (window.socket.connected) back();
  }
  window.addEventListener("offline", () => {
    // The socket notices only when it is used; this closes it, and it is opened again later.
    if (window.socket?.connected) window.socket.io.engine.close();
  });
  window.addEventListener("online", () => window.socket?.connect());
  watch();

  function colourBar() {
    const colour = getComputedStyle(document.body).getPropertyValue("--paper").trim();
    let meta = document.querySelector('meta[name="theme-color"]:not([media])');
    if (!meta) {
      meta = document.createElement("meta");
      meta.name = "theme-color";
      document.head.prepend(meta);
    }
    if (colour) meta.content = colour;
  }
  document.addEventListener("DOMContentLoaded", () => {
    colourBar();
    new MutationObserver(colourBar).observe(document.body, { attributeFilter: ["class"] });
  });

  async function askToNotify() {
    if (!("Notification" in window) || !window.isSecureContext) return "unsupported";
    return await Notification.requestPermission();
  }

  function notify(number, text) {
    if (!("Notification" in window) || Notification.permission !== "granted") return;
    try {
      // The tag makes it one notification, however many windows are open.
      const shown = new Notification("Reminder", { body: text, tag: `reminder-${number}` });
      shown.onclick = () => window.focus();
    } catch {
      // Phones show them only through a service worker; the card in the page is enough there.
    }
  }

  return { askToNotify, notify };
})();
