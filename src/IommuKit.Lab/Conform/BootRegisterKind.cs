namespace IommuKit.Lab.Conform;

/// <summary>What a line of a snapshot says of a register.</summary>
internal enum BootRegisterKind
{
    /// <summary>I: it tells what the unit can do.</summary>
    Capability,

    /// <summary>W: it is written to bring a unit into the state of the snapshot.</summary>
    Written,

    /// <summary>S: it is read-only, and had this value.</summary>
    Status,
}
