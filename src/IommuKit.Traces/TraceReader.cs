namespace IommuKit.Traces;

/// <summary>Reads the events of a trace, in constant memory and whatever form it has.</summary>
public abstract class TraceReader : IDisposable
{
    private protected TraceReader()
    {
    }

    /// <summary>Lines of text, or events of a binary file, read so far.</summary>
    public long Line { get; private protected set; }

    /// <summary>
    /// Events that the kernel overwrote before the file was read: the heading's entries written minus those in the buffer. Those lost in the
    /// middle come as events.
    /// </summary>
    public virtual long Overwritten => 0;

    /// <summary>Events that the file promises and does not have, as far as was read and with a lenient reader; 0 if that is not known.</summary>
    public long Missing { get; private protected set; }

    /// <summary>
    /// The share of a trace's events that could be read. Of those that could not, nothing is known: they are taken to be of the same kinds.
    /// </summary>
    /// <param name="read">Events of all kinds that were read.</param>
    /// <param name="unread">Events that are known to be lost, missing or damaged.</param>
    /// <returns>Between 0 and 1; 0 if there are no events.</returns>
    public static double ShareRead(long read, long unread) => (double)read / Math.Max(1, Saturating.Add(read, (ulong)unread));

    /// <summary>
    /// The text of the event that was read last, until the next is: what the kernel printed, or the device that faulted. Empty for other events.
    /// </summary>
    public virtual ReadOnlySpan<byte> Message => default;

    /// <summary>
    /// The task in whose time the event that was read last happened, as the trace names it ("nvme-123", or "pid 123"), until the next is read;
    /// empty if it does not.
    /// </summary>
    public virtual ReadOnlySpan<byte> Task => default;

    /// <summary>The processor of the event that was read last, until the next is read; negative if the trace does not say.</summary>
    public virtual int Cpu => -1;

    /// <summary>The number of the task of the event that was read last, until the next is read; negative if the trace does not say.</summary>
    public virtual long TaskNumber => -1;

    /// <summary>Processors of the machine, as far as what was read says; 0 if it does not.</summary>
    public virtual int Processors => 0;

    /// <summary>The kernel that was traced, as far as what was read says: "6.12.95" or longer. Null if it does not.</summary>
    public virtual string? Kernel => null;

    /// <summary>What <c>iommukit record</c> wrote down of the machine, as far as was read; null if nothing.</summary>
    public virtual RecordedHost? Host => null;

    /// <summary>
    /// Whether the event that was read last happened in an interrupt, so that its task had nothing to do with it; false too if that is not
    /// said.
    /// </summary>
    public virtual bool IsInInterrupt => false;

    /// <summary>What is wrong with the file as a whole, where a lenient reader went on or stopped early; null if nothing is.</summary>
    public string? Problem { get; private protected set; }

    /// <summary>How messages name a trace.</summary>
    /// <param name="path">The file, or "-" for the standard input.</param>
    public static string NameOf(string path) => path == TraceInput.StandardInput ? "standard input" : path;

    /// <summary>Reads the next event.</summary>
    /// <returns>False at the end.</returns>
    /// <exception cref="InputException">The file is cut off or damaged, and the reader is not lenient; or it holds no mappings at all.</exception>
    public abstract bool Read(out TraceEvent traceEvent);

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>What to say of a trace that has maps and unmaps, but none of any bytes.</summary>
    private protected static string OnlyEmpty(long count) =>
        (count == 1 ? "has only one event of iommu:map and iommu:unmap, and it is" : $"has {count} events of iommu:map and iommu:unmap, and all are")
            + " of size 0, which map and unmap nothing (kernels print that where a map fails at its first page)";
}
