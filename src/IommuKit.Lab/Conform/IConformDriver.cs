using IommuKit.Domains;

namespace IommuKit.Lab.Conform;

/// <summary>A driver of ours, set up as a recorded kernel's driver, whose commands can be compared with the recorded ones.</summary>
internal interface IConformDriver : IDisposable
{
    /// <summary>Whether it invalidates after maps too, so that a range alone does not tell what a recorded command is for.</summary>
    bool InvalidatesMaps => false;

    /// <summary>Whether a recorded command is the one for a range.</summary>
    /// <param name="command">A command of an address space.</param>
    /// <param name="first">The first IOVA.</param>
    /// <param name="last">The last IOVA.</param>
    /// <param name="isMap">Whether it was mapped.</param>
    bool IsFor(string command, ulong first, ulong last, bool isMap) => false;

    /// <summary>The address space that a recorded command is about; null if it is about none.</summary>
    string? AddressSpaceOf(string command);

    /// <summary>Whether a recorded command is one of invalidations for a map or an unmap.</summary>
    bool IsCompared(string command);

    /// <summary>What of a recorded command is compared: all of it, but for what is each driver's own, such as where a wait stores.</summary>
    string Comparable(string command) => command;

    /// <summary>Whether a recorded command drops everything of an address space.</summary>
    bool DropsAll(string command);

    /// <summary>Makes a domain that stands for a recorded address space, and puts a device into it.</summary>
    /// <param name="addressSpace">The address space.</param>
    /// <param name="isDeferred">Whether the recorded kernel invalidated later, and everything.</param>
    IommuDomain CreateDomain(string addressSpace, bool isDeferred);

    /// <summary>The commands since the last call, written as the recorded ones are, with the names of the recorded address spaces.</summary>
    /// <param name="addressSpace">The address space in which something was done.</param>
    IReadOnlyList<string> TakeCommands(string addressSpace);

    /// <summary>Why commands differ, where that is known and wanted; null otherwise.</summary>
    /// <param name="group">The group.</param>
    /// <param name="recorded">Its commands that are compared.</param>
    /// <param name="seen">What the driver issued.</param>
    string? KnownDifference(BootGroup group, IReadOnlyList<string> recorded, IReadOnlyList<string> seen);
}
