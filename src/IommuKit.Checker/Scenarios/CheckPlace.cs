namespace IommuKit.Checker.Scenarios;

/// <summary>Which part of an address space is looked at.</summary>
public enum CheckPlace
{
    /// <summary>A few tables in the middle, where ranges start and end in lines, groups and tables in every way.</summary>
    Tables,

    /// <summary>Both ends, and both sides of a gap in the middle.</summary>
    Ends,

    /// <summary>Both at once.</summary>
    Everywhere,
}
