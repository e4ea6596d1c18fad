namespace IommuKit.Lab.Teardown;

/// <summary>How the memory of a guest is taken away from its devices.</summary>
public enum TeardownWay
{
    /// <summary>Each page is unmapped by a call of its own.</summary>
    Pages,

    /// <summary>All of it is unmapped by one call.</summary>
    Range,

    /// <summary>The device is detached, which drops everything of the address space; then the tables go, which no hardware looks at.</summary>
    Space,
}
