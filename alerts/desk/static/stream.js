// What the desk says by itself: the stream of news, which comes again when it was lost.

const AGAIN_MS = 3000;

/** Listen from now on. state: of the page, whose `source` and `linked` this keeps; take: what is done about each kind. */
export function listen(state, take) {
  state.source?.close();
  const source = (state.source = new EventSource("/events"));
  source.onopen = () => {
    state.linked = true;
    take.link();
    take.reload();
  };
  source.onerror = () => {
    state.linked = false;
    take.link();
    if (source.readyState === EventSource.CLOSED && state.source === source && state.member) setTimeout(() => listen(state, take), AGAIN_MS);
  };
  for (const name of ["counters", "alerts", "vitals", "member", "reload"]) source.addEventListener(name, (event) => take[name](JSON.parse(event.data)));
  source.addEventListener("signed_out", () => globalThis.dispatchEvent(new Event("signed-out")));
}
