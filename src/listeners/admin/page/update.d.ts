// The text of update.js.
declare const text: string;
export default text;
