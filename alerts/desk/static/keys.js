// The keys of the worklist. They are left alone where somebody types, in a dialog, and with a modifier.

/** usable: whether the worklist is what is seen; keys: what each does; list: what a list's number does, if there is one. */
export function onKeys({ usable, keys, list }) {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (document.querySelector("dialog[open]") || !usable() || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.startsWith("Arrow") && !event.target.closest("#alerts")) return;
    const run = list(Number(event.key)) ?? keys[event.key];
    if (!run) return;
    event.preventDefault();
    run();
  });
}
