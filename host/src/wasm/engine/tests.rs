use super::*;

#[test]
fn wherever_instances_are_the_code_is_the_same_unless_addresses_are_scarce() {
    let hash = |places| hash_of(places, Limiting::On);
    let pool = hash(Places::Pool(8));
    assert_eq!(hash(Places::Pool(16)), pool);
    assert_eq!(hash(Places::OnDemand), pool);
    assert_ne!(hash(Places::Tight), pool);
}

/// So that neither is ever loaded in the place of the other.
#[test]
fn without_limits_it_is_other_code() {
    let hash = |limiting| hash_of(Places::OnDemand, limiting);
    assert_ne!(hash(Limiting::On), hash(Limiting::Off));
}

fn hash_of(places: Places, limiting: Limiting) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let (engine, got) = Engine::start(vec![places], limiting).unwrap();
    assert_eq!(got, places);
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

#[test]
fn a_pool_that_the_system_refuses_becomes_a_smaller_one() {
    // 80 TiB for memories can be had once, at most.
    let offers = || vec![Places::Pool(10_000), Places::Pool(8), Places::OnDemand];
    let (_first, got) = Engine::start(offers(), Limiting::On).unwrap();
    let (_second, then) = Engine::start(offers(), Limiting::On).unwrap();
    assert!(matches!(got, Places::Pool(_)), "{got}");
    assert_eq!(then, Places::Pool(8));
}
