// Stands for the shipped script that fills a cache of roles before a run; here there is none to fill.
null;
