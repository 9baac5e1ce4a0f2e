// Whoever has the focus on what is drawn anew, is gone, hidden or switched off, has it afterwards
// in the same place, or beside it in its list, or on what stands before the list.

(() => {
  // A field that goes is not made up for: on a phone, another one would bring the keyboard up.
  const KEPT = "a[href], button, summary, [role=switch]";
  const FOCUSABLE = `${KEPT}, input, textarea`;
  const LISTS = ".rows, .conversations, .attached, .drawing-queue, .gallery, .due, .log";
  const ABOVE = ".q-dialog, .q-notification"; // from there, one comes back
  const DELAY_MS = 50;

  // Of the conversations, the Tab key stops at one alone.
  const isStop = (element) => element.tabIndex >= 0 || element.closest(".conversations");
  const usable = (element) =>
    element.isConnected && element.offsetParent && !element.disabled && isStop(element);
  const within = (box) => [...box.querySelectorAll(FOCUSABLE)].filter(usable);
  const nameOf = (element) => element.ariaLabel ?? element.textContent;
  const middle = () => document.querySelector(".middle");

  const isTouched = matchMedia("(pointer: coarse)");
  let focused = null;
  let byKeys = false;
  let list = null;
  let place = 0;
  let wasAbove = false;
  document.addEventListener("focusin", ({ target }) => {
    wasAbove = target.closest(ABOVE) !== null;
    if (wasAbove) return;
    // What is clicked gives the focus to a part of it.
    const element = target.closest(KEPT);
    const isKnown = element?.closest(".middle, .due, .conversations");
    byKeys = target.matches(":focus-visible");
    focused = isKnown && (byKeys || !isTouched.matches) ? element : null;
    list = focused?.closest(LISTS);
    if (focused) place = within(list ?? middle()).indexOf(focused);
  });

  function startOfPage() {
    const field = document.querySelector(".composer textarea");
    return field ?? document.querySelector(".middle .parts [aria-current]") ?? within(middle())[0];
  }

  function besideTheList() {
    for (let box = list.parentElement; box; box = box.parentElement) {
      const others = within(box).filter((each) => !list.contains(each));
      const isBefore = (each) =>
        each.compareDocumentPosition(list) & Node.DOCUMENT_POSITION_FOLLOWING;
      const found = others.filter(isBefore).at(-1) ?? others[0];
      if (found) return found.closest(".parts")?.querySelector("[aria-current]") ?? found;
    }
  }

  function instead() {
    const isListed = list?.isConnected;
    const all = within(isListed ? list : middle());
    const distance = (each) => Math.abs(all.indexOf(each) - place);
    const same = all
      .filter((each) => nameOf(each) === nameOf(focused))
      .sort((one, other) => distance(one) - distance(other));
    if (same.length) return same[0];
    if (!isListed || list.matches(".log")) return startOfPage();
    if (all.length) return all[Math.min(place, all.length - 1)];
    return list.matches(".due, .attached") ? startOfPage() : besideTheList();
  }

  function keepFocus() {
    // A dialog that is about to go takes the focus back from whatever gets it.
    if (!focused || document.querySelector(".q-dialog")) return;
    const active = document.activeElement;
    if (usable(focused)) {
      if (wasAbove && active === document.body) focused.focus();
    } else if (active === document.body || active === focused) {
      // Nothing is there yet where a page is being built: it will be.
      instead()?.focus({ preventScroll: !byKeys });
    }
  }

  let timer = 0;
  new MutationObserver(() => {
    timer ||= setTimeout(() => {
      timer = 0;
      keepFocus();
    }, DELAY_MS);
  }).observe(document.documentElement, {
    attributeFilter: ["class", "disabled"],
    childList: true,
    subtree: true,
  });
})();
