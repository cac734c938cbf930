// The text of script.js.
declare const text: string;
export default text;
