"""Reference pages made from the definitions that the program uses; nothing of them is typed by hand."""
