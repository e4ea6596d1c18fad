namespace IommuKit.Lab.Conform;

/// <summary>A register of a recorded snapshot.</summary>
/// <param name="Kind">What is said of it.</param>
/// <param name="Offset">Its offset.</param>
/// <param name="Size">Its bytes, 4 or 8.</param>
/// <param name="Value">Its value then.</param>
/// <param name="Name">Its name, or empty.</param>
internal sealed record BootRegister(BootRegisterKind Kind, uint Offset, int Size, ulong Value, string Name);
