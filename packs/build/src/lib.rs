//! Build recipes and package indexes: the part of packs/ that reaches the network and runs programs.
