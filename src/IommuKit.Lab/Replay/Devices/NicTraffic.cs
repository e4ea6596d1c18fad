using IommuKit.Traces;

namespace IommuKit.Lab.Replay.Devices;

/// <summary>
/// Maps and unmaps of a network card that receives packets of a page, as the measurements of "Fast and Safe" (SOSP 2024) have them: a ring of pages
/// for each flow, refilled after each interrupt; IOVAs as an allocator gives them that has run for long.
/// </summary>
public sealed record NicTraffic
{
    /// <summary>Pages of all rings at most.</summary>
    public const int MostPages = 1 << 16;

    private const int MostTogether = 16;

    /// <summary>Flows, each with a ring.</summary>
    public required int Flows { get; init; }

    /// <summary>Pages of a ring.</summary>
    public int PagesPerRing { get; init; } = 256;

    /// <summary>Packets of a flow between two of its interrupts; a multiple of <see cref="PagesTogether"/>, and no more than a ring has.</summary>
    public int PerInterrupt { get; init; } = 2;

    /// <summary>Packets that are received, each of a page.</summary>
    public int Packets { get; init; } = 40_000;

    /// <summary>Pages with IOVAs in a row that are mapped and unmapped together; 1 for pages by themselves.</summary>
    public int PagesTogether { get; init; } = 1;

    /// <summary>
    /// Whether what was received is acknowledged, as TCP does on Linux: once for what came with an interrupt, or for each 64 KiB of it, which is what
    /// is put together at most (GRO). An acknowledgement is a page that is mapped, sent, and unmapped.
    /// </summary>
    public bool Acknowledges { get; init; }

    /// <summary>Pages that are sent to acknowledge.</summary>
    public int Acknowledgements => !Acknowledges ? 0
        : (Packets + (PerInterrupt - 1)) / PerInterrupt * ((PerInterrupt + (MostTogether - 1)) / MostTogether);

    /// <summary>Makes the maps and unmaps, always the same ones.</summary>
    /// <param name="take">Given each event.</param>
    public void Make(Action<TraceEvent> take)
    {
        ArgumentNullException.ThrowIfNull(take);
        var random = new Random(7);
        int pieces = Flows * PagesPerRing / PagesTogether;

        // Twice as many as are in use, in no order.
        var free = Enumerable.Range(0, 2 * pieces).Select(piece => 0x4000_0000ul + ((ulong)(piece * PagesTogether) * SmallPage.Bytes)).ToList();
        var rings = Enumerable.Range(0, Flows).Select(_ => new Queue<ulong>()).ToList();
        foreach (var ring in rings)
        {
            for (int i = 0; i < PagesPerRing / PagesTogether; i++)
            {
                Map(ring);
            }
        }

        for (int packet = 0; packet < Packets; packet += PerInterrupt)
        {
            var ring = rings[random.Next(Flows)];
            int done = Math.Max(1, PerInterrupt / PagesTogether);
            for (int i = 0; i < done; i++)
            {
                ulong iova = ring.Dequeue();
                take(new TraceEvent(TraceEventKind.Unmap, 1, Iova: iova, Size: (ulong)PagesTogether * SmallPage.Bytes));
                free.Add(iova);
            }

            for (int i = 0; i < done; i++)
            {
                Map(ring);
            }

            for (int i = 0; Acknowledges && i < PerInterrupt; i += MostTogether)
            {
                ulong iova = free[random.Next(free.Count)];
                take(new TraceEvent(TraceEventKind.Map, 1, Iova: iova, PhysicalAddress: iova, Size: SmallPage.Bytes));
                take(new TraceEvent(TraceEventKind.Unmap, 1, Iova: iova, Size: SmallPage.Bytes));
            }
        }

        void Map(Queue<ulong> ring)
        {
            int place = random.Next(free.Count);
            ulong iova = free[place];
            free[place] = free[^1];
            free.RemoveAt(free.Count - 1);
            for (int page = 0; page < PagesTogether; page++)
            {
                ulong at = iova + ((ulong)page * SmallPage.Bytes);
                take(new TraceEvent(TraceEventKind.Map, 1, Iova: at, PhysicalAddress: at, Size: SmallPage.Bytes));
            }

            ring.Enqueue(iova);
        }
    }
}
