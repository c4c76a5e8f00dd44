/** The organisation in the authority's name: by it our own certificates are told from an operator's. */
export const organisation = 'Clipward';
