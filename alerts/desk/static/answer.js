// The page behind the link in a message. It acts on a press of the button only: scanners of mail open links too.

const button = document.querySelector("#acknowledge");
const said = document.querySelector("#said");

button.addEventListener("click", async () => {
  button.disabled = true;
  said.textContent = "Just a moment …";
  try {
    const answer = await fetch(location.pathname, { method: "POST", body: "" });
    const told = await answer.json();
    said.textContent = told.said ?? told.error;
    button.disabled = answer.status < 500;
  } catch {
    said.textContent = "The desk does not answer. The alert still waits: please try again.";
    button.disabled = false;
  }
});
