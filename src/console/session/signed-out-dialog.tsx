import { useEffect, useId, useRef } from "preact/hooks";
import { SignInForm } from "./sign-in-form.js";

/**
 * Asks to sign in again over the page as it is, so that nothing typed is lost. It cannot be closed: nothing below works without a
 * session.
 */
export function SignedOutDialog({ because }: { readonly because: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={id} onCancel={(event) => event.preventDefault()}>
      <div class="dialog-box">
        <header class="dialog-head">
          <h2 id={id}>Sign in again</h2>
        </header>
        <div class="dialog-body stack">
          <p>{because} The page behind stays as it is: nothing you typed is lost.</p>
          <SignInForm hint="An admin, ci or viewer token." />
        </div>
      </div>
    </dialog>
  );
}
