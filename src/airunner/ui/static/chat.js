// What the chat needs of the browser itself: the keyboard, the clipboard, files that are
// dropped or pasted, and the draft, which is the browser's alone until it is sent.

window.airunner = (() => {
  // Asked at each key: browsers remember what has a class, and look for nothing else.
  const field = () => document.getElementsByClassName("typed")[0];
  const shortcut = (name) => document.querySelector(`[data-shortcut="${name}"]`);
  const draftKey = () => `draft ${location.pathname}`;

  function refuse(message) {
    const colours = { color: "notice-bad", textColor: "notice-on" };
    Quasar.Notify.create({ message, position: "top", ...colours });
  }

  function type(text) {
    const area = field();
    if (!area) return;
    area.value = text;
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // At once: a frame later the person may have selected what is in it.
  function focusMessage(atEnd = false) {
    const area = field();
    if (!area) return;
    area.focus();
    if (atEnd) area.setSelectionRange(area.value.length, area.value.length);
  }

  // What was in the field when an edit began, which comes back if that is cancelled.
  let unsent = null;

  function edit(text) {
    unsent ??= field().value;
    type(text);
    focusMessage(true);
  }

  function endEdit() {
    type(unsent ?? "");
    unsent = null;
    focusMessage(true);
  }

  // What a window sends has a limit of a million characters, and text is quoted twice in it.
  const MOST_SENT = 990_000;
  const tooLong = (text) =>
    text.length > MOST_SENT / 6 && JSON.stringify(JSON.stringify(text)).length > MOST_SENT;

  // What has been sent and not been taken yet: it comes back if it is refused, or lost with
  // its server, before what is being written by then.
  let sending = null;
  const withSent = (text) => [sending?.text, text].filter(Boolean).join("\n\n");

  function send(emit) {
    const text = field().value;
    if (tooLong(text)) {
      emit({ too_long: text.length });
      return;
    }
    if (!window.socket?.connected) {
      refuse("There is no connection. Your message stays here: send it when it is back.");
      return;
    }
    const draft = draftKey();
    type(""); // at once: what is typed from now on is another message
    keepDraft(text);
    sending = { text, draft };
    emit({ send: text });
  }

  function refused() {
    if (!sending) return;
    const { value, selectionStart, selectionEnd } = field();
    const text = withSent(value);
    const moved = text.length - value.length;
    sending = null;
    type(text);
    field().setSelectionRange(selectionStart + moved, selectionEnd + moved);
  }

  function keepDraft(text) {
    try {
      if (text) localStorage.setItem(draftKey(), text);
      else localStorage.removeItem(draftKey());
    } catch {
      localStorage.removeItem(draftKey()); // larger than a browser keeps
    }
  }

  function openChat() {
    unsent = null;
    const draft = localStorage.getItem(draftKey());
    if (draft && !sending && field() && !field().value) type(draft);
    if (!matchMedia("(pointer: coarse)").matches) focusMessage(true);
  }

  function sent() {
    if (sending) localStorage.removeItem(sending.draft);
    sending = unsent = null;
    if (field()) keepDraft(field().value);
    window.scrollTo(0, document.body.scrollHeight);
  }

  async function copy(text) {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
    } else {
      // A page that comes from another machine without TLS has no clipboard of its own.
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    Quasar.Notify.create({ message: "Copied", timeout: 1200, position: "bottom" });
  }

  document.addEventListener("input", (event) => {
    if (event.target !== field()) return;
    keepDraft(withSent(event.target.value));
  });

  async function upload(input, file) {
    const tell = (detail) =>
      input.dispatchEvent(new CustomEvent("uploaded", { bubbles: true, detail }));
    if (file.size > Number(input.dataset.most)) {
      tell({ problem: `${file.name} is too large: ${input.dataset.limit} is the most.` });
      return;
    }
    const form = new FormData();
    form.append("file", file, file.name);
    try {
      const response = await fetch(input.dataset.upload, { method: "POST", body: form });
      const told = await response.json();
      tell(response.ok ? told : { problem: told.error?.message ?? response.statusText });
    } catch (error) {
      tell({ problem: `${file.name} did not arrive: ${error.message}` });
    }
  }

  document.addEventListener("change", async (event) => {
    const input = event.target.closest("input[data-upload]");
    if (!input) return;
    const files = [...input.files];
    input.value = "";
    for (const file of files) await upload(input, file);
  });

  function attach(files) {
    const input = document.querySelector("input.attach-files");
    if (!input || !files.length) return false;
    (async (all) => {
      for (const file of all) await upload(input, file);
    })([...files]);
    return true;
  }

  document.addEventListener("paste", (event) => {
    if (event.target === field()) {
      if (attach(event.clipboardData.files)) event.preventDefault();
    } else if (event.target.matches?.("input, textarea")) {
      // Other fields tell the server what is in them at each key.
      if (!tooLong(event.target.value + event.clipboardData.getData("text"))) return;
      event.preventDefault();
      refuse("This text is too long for the field.");
    }
  });
  const dragsFiles = (event) => field() && event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!dragsFiles(event)) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    document.body.classList.remove("dropping");
    if (!dragsFiles(event)) return;
    event.preventDefault();
    const isFolder = (item) => item.webkitGetAsEntry?.()?.isDirectory;
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const files = items.filter((item) => !isFolder(item)).map((item) => item.getAsFile());
    if (files.length < items.length) refuse("A folder cannot be attached. Drop the files in it.");
    attach(files);
  });

  const writes = (element) => element.matches("input, textarea, select, [contenteditable]");
  const openDialog = () => document.getElementsByClassName("q-dialog")[0];

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || openDialog()) return;
    const key = event.key.toLowerCase();
    const control = event.ctrlKey || event.metaKey;
    if (key === "escape" && shortcut("stop")?.offsetParent) {
      shortcut("stop").click();
    } else if (key === "escape" && event.target === field()) {
      if (shortcut("end-edit")?.offsetParent) shortcut("end-edit").click();
    } else if (control && key === "k") {
      event.preventDefault();
      const search = document.querySelector('input[data-shortcut="search"]');
      const hidden = search && search.getBoundingClientRect().right <= 0;
      if (hidden) shortcut("menu")?.click();
      setTimeout(() => search?.focus(), hidden ? 300 : 0);
    } else if (control && event.shiftKey && key === "o") {
      event.preventDefault();
      shortcut("new")?.click();
    } else if (key === "/" && !control && !writes(event.target)) {
      event.preventDefault();
      focusMessage(true);
    } else if (event.key === "?" && !control && !writes(event.target)) {
      event.preventDefault();
      shortcut("help")?.click();
    }
  });

  return { openChat, focusMessage, send, sent, refused, edit, endEdit, copy };
})();
