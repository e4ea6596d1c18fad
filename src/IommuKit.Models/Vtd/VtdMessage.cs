namespace IommuKit.Models.Vtd;

/// <summary>A message that the unit itself sends, to tell of one of its events. It is not remapped.</summary>
/// <param name="Address">The address.</param>
/// <param name="Data">The data.</param>
public readonly record struct VtdMessage(ulong Address, uint Data);
