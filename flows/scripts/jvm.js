// Java, as scripts written for the JVM call it: every use says in words that it is not there.
(function (kit) {
  "use strict";

  const { expose, refuse } = kit;
  const ROOTS = ["java", "javax", "org", "com", "Packages", "JavaImporter", "JavaAdapter", "importPackage", "importClass"];
  const ON_USE = ["toJSON", "toString", "valueOf"];

  function unavailable(path) {
    const name = path.startsWith("Packages.") ? path.slice(9) : path;
    const stop = () => {
      throw refuse(name + " is not available: scripts run on QuickJS, not on the JVM");
    };
    return new Proxy(function () {}, {
      get: (_target, key) => (typeof key === "symbol" || ON_USE.includes(key) ? stop() : unavailable(path + "." + key)),
      apply: stop,
      construct: stop,
      set: stop,
      has: stop,
      ownKeys: stop,
      deleteProperty: stop,
      defineProperty: stop,
    });
  }

  for (const name of ROOTS) expose(name, unavailable(name));
});
