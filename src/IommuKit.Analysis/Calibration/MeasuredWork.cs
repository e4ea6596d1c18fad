using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Bench;

namespace IommuKit.Analysis.Calibration;

/// <summary>What was timed: one operation on a range, under one policy.</summary>
/// <param name="Iommu">The machine, as the catalogue names it.</param>
/// <param name="Operation">Map of a scatter list of 4 KiB entries, or unmap.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Policy">The flush policy.</param>
/// <param name="Tables">Whether page tables were there before.</param>
public readonly record struct MeasuredWork(string Iommu, MappingOperation Operation, ulong Size, SyncPolicy Policy, BenchTables Tables);
