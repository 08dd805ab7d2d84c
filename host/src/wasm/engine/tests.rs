use super::*;

#[test]
fn wherever_instances_are_the_code_is_the_same_unless_addresses_are_scarce() {
    let hash = |places: Places| {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let (engine, got) = Engine::start(vec![places]).unwrap();
        assert_eq!(got, places);
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.finish()
    };
    let pool = hash(Places::Pool(8));
    assert_eq!(hash(Places::Pool(16)), pool);
    assert_eq!(hash(Places::OnDemand), pool);
    assert_ne!(hash(Places::Tight), pool);
}

#[test]
fn a_pool_that_the_system_refuses_becomes_a_smaller_one() {
    // 80 TiB for memories can be had once, at most.
    let offers = || vec![Places::Pool(10_000), Places::Pool(8), Places::OnDemand];
    let (_first, got) = Engine::start(offers()).unwrap();
    let (_second, then) = Engine::start(offers()).unwrap();
    assert!(matches!(got, Places::Pool(_)), "{got}");
    assert_eq!(then, Places::Pool(8));
}
