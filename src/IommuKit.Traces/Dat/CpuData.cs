namespace IommuKit.Traces.Dat;

/// <summary>Where in the file the ring-buffer pages of a processor are.</summary>
/// <param name="Cpu">The processor.</param>
/// <param name="Offset">Their first byte.</param>
/// <param name="Bytes">How many.</param>
/// <param name="IsCompressed">Whether they are in chunks that are compressed each for itself.</param>
internal readonly record struct CpuData(int Cpu, long Offset, long Bytes, bool IsCompressed);
