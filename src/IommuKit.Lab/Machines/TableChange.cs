namespace IommuKit.Lab.Machines;

/// <summary>What happens to the tables of a range.</summary>
public enum TableChange
{
    /// <summary>They exist and stay.</summary>
    None,

    /// <summary>They are made for the range.</summary>
    Created,

    /// <summary>They are given back with it.</summary>
    Released,
}
