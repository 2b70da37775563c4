// <sarco-screen src="…/s/clinic"></sarco-screen> shows a clinic's screening form in a frame that follows the height of the form.
// Events: sarco-step with {step, of}, sarco-sent. No event has an answer, and none says that an alarm is shown.
class SarcoScreen extends HTMLElement {
  connectedCallback() {
    const frame = document.createElement('iframe');
    frame.src = this.getAttribute('src');
    frame.title = this.getAttribute('title') ?? 'sarcoscreen';
    Object.assign(frame.style, { width: '100%', height: '40rem', border: '0', display: 'block' });
    const { origin } = new URL(frame.src);
    this.receive = ({ source, origin: from, data }) => {
      if (source !== frame.contentWindow || from !== origin || !data?.sarcoscreen) return;
      const { height, step, of, sent } = data.sarcoscreen;
      if (Number.isFinite(height)) frame.style.height = `${height}px`;
      if (height !== undefined) return;
      // The first step is there when the page opens, so it does not move the page.
      if (this.shown) this.scrollIntoView({ block: 'start' });
      this.shown = true;
      const [name, detail] = sent ? ['sarco-sent', {}] : ['sarco-step', { step, of }];
      this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
    };
    addEventListener('message', this.receive);
    this.replaceChildren(frame);
  }

  disconnectedCallback() {
    removeEventListener('message', this.receive);
  }
}

customElements.define('sarco-screen', SarcoScreen);
