using IommuKit.Models.Dma;
using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tegra;

/// <content>What is told to those who keep translations outside of the model.</content>
public sealed partial class TegraSmmuModel<TMemory>
{
    // Some clients see as many windows of 4 GiB, each with an address space of its own: a flush of an IOVA is about the same place in each.
    private const int Windows = 4;
    private const int WindowShift = 32;

    private Action<InvalidationNotice>? _invalidated;

    // Registers that say who is translated, and in which address space; by offset / 4.
    private readonly bool[] _steers = new bool[TegraMc.Size / sizeof(uint)];
    private bool _hasWindows;

    // What the register write that holds the lock makes invalid.
    private InvalidationNotice? _written;

    /// <inheritdoc/>
    /// <remarks>
    /// While somebody listens, register writes take effect at once, as they may (<see cref="TegraModelOptions.PostedWrites"/>): what is told of is gone.
    /// Streams are client ids. With the TLB and the page-table cache both off hardware keeps nothing, and software need not flush: nor may others keep
    /// anything then.
    /// </remarks>
    public Action<InvalidationNotice>? Invalidated
    {
        get => Volatile.Read(ref _invalidated);
        set
        {
            lock (_gate)
            {
                Volatile.Write(ref _invalidated, value);
                SettleForListener();
                UpdateInterrupt();
            }

            Accesses.Drain();
            Accesses.WhenEnded(_tell);
        }
    }

    /// <summary>Leaves no write under way that a listener had to be told of, where it keeps nothing or is about to be told of everything.</summary>
    private void SettleForListener()
    {
        if (_invalidated is not null)
        {
            Settle();
        }

        _written = null;
    }

    private void NoteEverything() => Note(new InvalidationNotice(InvalidationScope.Everything));

    /// <summary>Notes what is told when the lock is given back.</summary>
    private void Note(in InvalidationNotice notice)
    {
        if (_invalidated is not null)
        {
            _written = notice;
        }
    }

    private InvalidationNotice? TakeNotice()
    {
        var notice = _written;
        _written = null;
        return notice;
    }

    private void NoteFlush(in TegraTlbFlush command, int? asid)
    {
        switch (command.Match)
        {
            case TegraTlbFlushMatch.All when asid is null:
                NoteEverything();
                break;
            case TegraTlbFlushMatch.All:
                Note(new InvalidationNotice(InvalidationScope.AddressSpace, Space: asid));
                break;
            case TegraTlbFlushMatch.Section:
                NotePages(command.Address, TegraEntry.SectionShift, asid);
                break;
            case TegraTlbFlushMatch.Group:
                NotePages(command.Address, _groupShift, asid);
                break;
        }
    }

    private void NotePages(uint address, int shift, int? asid)
    {
        ulong within = (1ul << shift) - 1;
        Note(new InvalidationNotice(InvalidationScope.Pages, address & ~within, address | within, Space: asid));
    }

    /// <summary>Tells of what a write made invalid. No lock is held.</summary>
    private void Tell(in InvalidationNotice? written)
    {
        if (written is not { } notice || Invalidated is not { } listener)
        {
            return;
        }

        int windows = _hasWindows && notice.Scope == InvalidationScope.Pages ? Windows : 1;
        for (int window = 0; window < windows; window++)
        {
            ulong start = (ulong)window << WindowShift;
            listener(notice with { First = notice.First + start, Last = notice.Last + start });
        }
    }
}
