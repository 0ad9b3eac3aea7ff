// Stands for the shipped script that notes a source's role assignments after each mapping; assignments come with the
// source here, and `roles/defaultMapping.js` compares them with `oldSource`.
null;
