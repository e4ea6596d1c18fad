using IommuKit.Models.Dma;
using IommuKit.Models.State;
using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tegra;

/// <content>Reset, save and restore.</content>
public sealed partial class TegraSmmuModel<TMemory>
{
    /// <inheritdoc/>
    public void Reset()
    {
        lock (_gate)
        {
            _changes.Begin();
            ResetRegisters();
            _changes.End();
            _effects++;
            SettleForListener();
            UpdateInterrupt();
        }

        EndState();
    }

    /// <inheritdoc/>
    public byte[] Save()
    {
        var transfer = StateTransfer.Save();
        lock (_gate)
        {
            Transfer(ref transfer);
        }

        return transfer.ToArray();
    }

    /// <inheritdoc/>
    public void Restore(ReadOnlySpan<byte> state)
    {
        try
        {
            lock (_gate)
            {
                _changes.Begin();
                try
                {
                    StateTransfer.Restore(state, Transfer, ResetRegisters);
                }
                finally
                {
                    _changes.End();
                    _effects++;
                    SettleForListener();
                    UpdateInterrupt();
                }
            }
        }
        finally
        {
            EndState();
        }
    }

    private void EndState()
    {
        Invalidated?.Invoke(new InvalidationNotice(InvalidationScope.Everything));
        Accesses.Drain();
        Accesses.WhenEnded(_tell);
    }

    private void ResetRegisters()
    {
        _firmware.CopyTo(_values, 0);
        Array.Clear(_roots);
        _intStatus = 0;
        _intMask = 0;
        _errStatus = default;
        _errAddress = 0;
        _smmuConfig = 0;
        _selectedAsid = 0;
        _ptcFlushHigh = 0;
        _tlbHits.Set(0);
        _tlbMisses = 0;
        _faults = 0;
        _tlbHitCounter = default;
        _tlbMissCounter = default;
        _ptcHitCounter = default;
        _ptcMissCounter = default;
        _posted.Clear();
        _tlb.Reset();
        _ptc.Reset();
        WriteTlbConfig(TegraMc.TlbConfigBits.HitUnderMiss | (uint)_soc.TlbLines);
        WritePtcConfig(TegraMc.PtcConfigBits.CacheEnable | TegraMc.PtcConfigBits.IndexMapMask);
    }

    private void Transfer(ref StateTransfer transfer)
    {
        transfer.Header(
            $"tegra-smmu-1 {_soc.Name}", _groupShift, _tlb.Lines, _options.PtcSets, _options.PtcWays, _options.PostedWrites, (long)_options.TlbReplacement);
        transfer.Values(_values);
        transfer.Values(_roots);
        transfer.Value(ref _intStatus);
        transfer.Value(ref _intMask);
        uint status = _errStatus.Value;
        transfer.Value(ref status);
        _errStatus = new TegraFaultStatus(status);
        transfer.Value(ref _errAddress);
        transfer.Value(ref _smmuConfig);
        transfer.Value(ref _tlbConfig);
        transfer.Value(ref _ptcConfig);
        transfer.Value(ref _selectedAsid);
        transfer.Value(ref _ptcFlushHigh);
        long tlbHits = _tlbHits.Total;
        transfer.Value(ref tlbHits);
        if (transfer.IsRestoring)
        {
            _tlbHits.Set(tlbHits);
        }

        transfer.Value(ref _tlbMisses);
        transfer.Value(ref _faults);
        _tlbHitCounter.Transfer(ref transfer);
        _tlbMissCounter.Transfer(ref transfer);
        _ptcHitCounter.Transfer(ref transfer);
        _ptcMissCounter.Transfer(ref transfer);
        _posted.Transfer(ref transfer);
        _tlb.Transfer(ref transfer);
        _ptc.Transfer(ref transfer);
        if (transfer.IsRestoring)
        {
            KeepToHardware();
        }
    }

    /// <summary>Clears bits that no register has, and derives what follows from registers.</summary>
    private void KeepToHardware()
    {
        for (int i = 0; i < _values.Length; i++)
        {
            _values[i] = (_values[i] & _writable[i]) | _firmware[i];
        }

        foreach (ref uint root in _roots.AsSpan())
        {
            root &= TegraEntry.RightsMask | TegraEntry.FrameMask;
        }

        _intStatus &= TegraMc.Interrupt.All;
        _intMask &= TegraMc.Interrupt.All;
        _smmuConfig &= TegraMc.SmmuConfigBits.Enable;
        _selectedAsid &= (uint)(_soc.AsidCount - 1);
        _ptcFlushHigh &= 3;
        ApplyTlbConfig();
        ApplyPtcConfig();
    }
}
