using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Shadow;

/// <summary>Is told what a checker sees.</summary>
public interface ICheckerLog
{
    /// <summary>A checker begins to watch.</summary>
    void Watching(FlushChecker checker);

    /// <summary>An operation begins.</summary>
    /// <param name="operation">The operation, as text.</param>
    void Began(string operation);

    /// <summary>An entry of a table was stored.</summary>
    /// <param name="number">How many accesses had been seen.</param>
    /// <param name="address">Physical address of the entry.</param>
    /// <param name="before">What it was.</param>
    /// <param name="after">What it is.</param>
    void Stored(long number, ulong address, ulong before, ulong after);

    /// <summary>A word of a structure in memory that steers translation, other than a page table, changed as the hardware reads it.</summary>
    /// <param name="number">How many accesses had been seen.</param>
    /// <param name="address">Physical address of the word.</param>
    /// <param name="before">What it was.</param>
    /// <param name="after">What it is.</param>
    /// <param name="commands">What it does.</param>
    void StructureStored(long number, ulong address, ulong before, ulong after, ReadOnlySpan<ShadowCommand> commands);

    /// <summary>The hardware was accessed.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="access">The access.</param>
    /// <param name="commands">What it does.</param>
    void Accessed(long number, in MaintenanceStep access, ReadOnlySpan<ShadowCommand> commands);
}
