//! The people of all tests and of the demo. Their parts are fixed.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Administrator {
    pub login: &'static str,
    pub name: &'static str,
    pub address: &'static str,
    pub part: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outsider {
    pub name: &'static str,
    pub address: &'static str,
}

/// Signs in to Waxseal with this password, everybody.
pub const SIGN_IN_PASSWORD: &str = "correct horse battery";

/// Owns the account that is shown.
pub const ALICE: Administrator = Administrator {
    login: "alice",
    name: "Alice Adams",
    address: "alice@isp.example",
    part: "owns the account; super-administrator",
};

/// Is granted access.
pub const BOB: Administrator = Administrator {
    login: "bob",
    name: "Bob Brown",
    address: "bob@isp.example",
    part: "may see Alice's mail once she grants it",
};

/// Must never see any of it, and can manage everybody.
pub const MALLORY: Administrator = Administrator {
    login: "mallory",
    name: "Mallory Moss",
    address: "mallory@isp.example",
    part: "super-administrator; must never see it",
};

pub const ADMINISTRATORS: [Administrator; 3] = [ALICE, BOB, MALLORY];

pub const KELLY: Outsider = Outsider {
    name: "Kelly Sanders",
    address: "kelly@out.example",
};
pub const JOHN: Outsider = Outsider {
    name: "John Doe",
    address: "john.doe@out.example",
};
pub const OLENA: Outsider = Outsider {
    name: "Олена Коваленко",
    address: "olena@kyiv.example",
};
