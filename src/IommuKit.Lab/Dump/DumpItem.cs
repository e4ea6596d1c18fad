namespace IommuKit.Lab.Dump;

/// <summary>Something in a table that is not vacant.</summary>
/// <param name="Level">The level of the table that holds its entries; a table's own level is one less.</param>
/// <param name="Iova">First IOVA.</param>
/// <param name="LastIova">Last IOVA.</param>
/// <param name="Entry">The entry, the first one if there are several; 0 for the root.</param>
internal abstract record DumpItem(int Level, ulong Iova, ulong LastIova, ulong Entry);
