namespace IommuKit.Specs.PageTables;

/// <summary>A table on the way of a walk.</summary>
/// <param name="Address">Its physical address.</param>
/// <param name="Level">Its level.</param>
/// <param name="Rights">What the way to it grants, and how it limits what is below.</param>
public readonly record struct WalkTable(ulong Address, int Level, Protection Rights);
