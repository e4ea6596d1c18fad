using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Explain;

/// <summary>
/// What the operations of some work are called: registers are read back on one machine, a queue has doorbells whose wait is in their cost on another,
/// and where nothing is cleaned a barrier is a fence, which is no part of a DMA sync.
/// </summary>
internal sealed class OperationWords
{
    private static readonly OperationKind[] Registers = [OperationKind.RegisterWrite, OperationKind.RegisterRead];

    private readonly List<(string Name, OperationKind[] Kinds)> _parts = [];

    /// <summary>Finds the words.</summary>
    /// <param name="workload">The work, on its machine.</param>
    public OperationWords(Workload workload)
    {
        bool hasQueue = workload.Has(OperationKind.Doorbell);
        bool cleans = workload.Has(OperationKind.LineCleaned) || workload.Has(OperationKind.CleanCall);
        string barriers = cleans ? "barriers" : "fences";
        OperationKind[] fences = cleans ? [] : [OperationKind.Barrier];

        // A queue's machine has few registers to write, if any; others have all of it, whether or not this work does.
        bool hasRegisters = !hasQueue || Array.Exists(Registers, workload.Has);
        Add(hasRegisters, "register writes", OperationKind.RegisterWrite);
        Add(hasQueue, "doorbells with their waits", OperationKind.Doorbell);
        Add(workload.Has(OperationKind.Command) || workload.Has(OperationKind.Request), "commands", OperationKind.Command, OperationKind.Request);
        Add(hasRegisters, hasQueue ? "register reads" : workload.Waits, OperationKind.RegisterRead, OperationKind.Wait);
        string registers = Join([.. _parts.Select(part => part.Name), .. workload.Has(OperationKind.Barrier) && !cleans ? ["fences"] : Array.Empty<string>()]);
        Tlb = ($"TLB maintenance ({registers})", [.. _parts.SelectMany(part => part.Kinds), OperationKind.Wait, .. fences]);
        DmaSync = cleans
            ? ("DMA sync (lines cleaned and barriers)", [OperationKind.LineCleaned, OperationKind.CleanCall, OperationKind.Barrier])
            : ("DMA sync (none: nothing is cleaned)", [OperationKind.LineCleaned, OperationKind.CleanCall]);
        Add(cleans, "lines cleaned", OperationKind.LineCleaned, OperationKind.CleanCall);
        Add(cleans || workload.Has(OperationKind.Barrier), barriers, OperationKind.Barrier);
        Add(true, "software", [.. OperationKinds.All.Except([.. Tlb.Kinds, .. DmaSync.Kinds])]);
        Causes =
        [
            "invalidation batching",
            "fewer cache-clean pieces",
            hasQueue ? $"fewer {barriers} and doorbells" : $"fewer {barriers} and {workload.Waits}",
            "less per-page software",
        ];
    }

    /// <summary>Each kind of operation is in one of them, so that they add up. Software is the last.</summary>
    public IReadOnlyList<(string Name, OperationKind[] Kinds)> Parts => _parts;

    /// <summary>What the reply of 2015 calls batching the TLB maintenance.</summary>
    public (string Name, OperationKind[] Kinds) Tlb { get; }

    /// <summary>What the reply calls the DMA sync.</summary>
    public (string Name, OperationKind[] Kinds) DmaSync { get; }

    /// <summary>The causes, in the order of the bits of <see cref="Explain.Causes"/>.</summary>
    public IReadOnlyList<string> Causes { get; }

    private void Add(bool isThere, string name, params OperationKind[] kinds)
    {
        if (isThere)
        {
            _parts.Add((name, kinds));
        }
    }

    private static string Join(IReadOnlyList<string> names) =>
        names.Count < 2 ? string.Concat(names) : $"{string.Join(", ", names.SkipLast(1))} and {names[^1]}";
}
