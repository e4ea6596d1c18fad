namespace IommuKit.Traces;

/// <summary>A range of IOVAs.</summary>
/// <param name="First">The first.</param>
/// <param name="Last">The last.</param>
internal readonly record struct Piece(ulong First, ulong Last);
