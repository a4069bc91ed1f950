// A place between the imports of the entry where the page may paint and answer: what stands before and behind it is read
// in a task of its own. Its libraries and its own code in one task would hold it up for longer.
await new Promise((resume) => setTimeout(resume));

export {};
