// What an assignment does to a target: its value is taken out of what is there.
//
// Variables: `targetObject`, `attributeName`, `attributeValue`. The value is `{value}`, what the attribute is to be.
require("roles/operations").perform("removeFromTarget", targetObject, attributeName, attributeValue);
