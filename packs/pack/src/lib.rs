//! Packs, trees, customizations and the merge: pure, no network, clock or environment.
