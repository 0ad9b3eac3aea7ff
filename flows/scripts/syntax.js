// Looks at a script without running it: is it JavaScript, and which function gives its last value?
//
// Evaluates to a function `check(kind, text)`, kind `script` or `module`.
(function () {
  "use strict";

  const { stringify } = JSON;
  const evaluate = eval; // called by this name it is the indirect kind: global scope, no locals

  // Scripts are parsed behind a statement that throws first, inside a function, so that nothing of them runs or stays.
  const dry = evaluate("(function (text) { eval('throw 0;' + text) })");

  function problem(text) {
    try {
      dry(text);
    } catch (error) {
      return error === 0 ? null : error;
    }
    return null;
  }

  function isScript(text) {
    return problem(text) === null;
  }

  const LONGEST_CUT = 65536;
  const LEADING = /^(?:\s|\/\/[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/;
  const STATEMENT = /^(?:\{|(?:function|class|let|async|if|for|while|do|switch|try|throw|var|const|return)\b)/;

  function isExpression(text) {
    const rest = text.replace(LEADING, "");
    return rest !== "" && !STATEMENT.test(rest) && isScript("(function () {return (" + text + "\n)})");
  }

  // The script as the body of a function that returns its last value, or null where only eval can tell that value.
  // A cut after `;` or `}` is right when the part before it is complete on its own, and does not end in a comment.
  function bodyText(text) {
    const whole = text.replace(/[\s;]+$/, "");
    if (isExpression(whole)) return "return (" + whole + "\n)";
    if (whole.length > LONGEST_CUT) return null;
    for (let i = whole.length - 1, tries = 0; i >= 0 && tries < 40; i--) {
      if (whole[i] !== ";" && whole[i] !== "}") continue;
      tries++;
      const tail = whole.slice(i + 1);
      if (!isExpression(tail)) continue;
      const head = whole.slice(0, i + 1);
      if (isScript(head + " var _;") && !isScript(head + " @")) return head + "return (" + tail + "\n)";
    }
    return null;
  }

  function wrong(error) {
    return stringify({ problem: error.message, stack: error.stack });
  }

  function check(text) {
    const error = problem(text);
    return error === null ? stringify({ body: bodyText(text) }) : wrong(error);
  }

  // A text that closes its function and opens another one fits between parentheses, or stands alone, but not both.
  function checkModule(text) {
    const declared = "function module(exports, require, module) {" + text + "\n}";
    const error = problem(declared) || problem("(" + declared + ")");
    return error === null ? stringify({}) : wrong(error);
  }

  return (kind, text) => (kind === "module" ? checkModule(text) : check(text));
})();
