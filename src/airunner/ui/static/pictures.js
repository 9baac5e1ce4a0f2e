// What the pictures page needs of the browser itself: pictures that are dropped or pasted
// into its form, and more of the gallery when its end comes into sight.

(() => {
  const form = () => document.querySelector(".drawing-form");

  function start(files) {
    const input = document.querySelector("input.start-picture");
    if (!input || !files.length) return false;
    const one = new DataTransfer();
    one.items.add(files[0]);
    input.files = one.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  }

  const drags = (event) => form() && event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!drags(event)) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("drop", (event) => {
    if (!drags(event)) return;
    event.preventDefault();
    start(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    if (form()?.contains(event.target) && start(event.clipboardData.files)) event.preventDefault();
  });

  let asked = 0;
  window.addEventListener(
    "scroll",
    () => {
      const more = document.querySelector(".more-pictures");
      if (!more?.offsetParent || Date.now() - asked < 800) return;
      if (more.getBoundingClientRect().top > innerHeight + 300) return;
      asked = Date.now();
      more.click();
    },
    { passive: true },
  );
})();
