namespace IommuKit.Specs.Vtd;

/// <summary>The extended capability register of a VT-d unit (VT-d specification, section 11.4.3).</summary>
/// <param name="Value">The 64 bits.</param>
public readonly record struct VtdExtendedCapability(ulong Value)
{
    /// <summary>Bit 0, C: page walks snoop the CPU's caches.</summary>
    public bool IsCoherent => Bit(0);

    /// <summary>Bit 1, QI: there is an invalidation queue.</summary>
    public bool QueuedInvalidation => Bit(1);

    /// <summary>Bit 2, DT: devices may have TLBs of their own.</summary>
    public bool DeviceTlb => Bit(2);

    /// <summary>Bit 3, IR: interrupts can be remapped.</summary>
    public bool InterruptRemapping => Bit(3);

    /// <summary>Bit 4, EIM: interrupts can have destinations of 32 bits.</summary>
    public bool ExtendedInterruptMode => Bit(4);

    /// <summary>Bit 6, PT: devices can be passed through.</summary>
    public bool PassThrough => Bit(6);

    /// <summary>Bit 7, SC: SNP in second-stage leaves has a meaning.</summary>
    public bool SnoopControl => Bit(7);

    /// <summary>Bits 17:8, IRO: where the IVA and IOTLB registers are, in bytes from the first register.</summary>
    public uint IotlbRegisterOffset => (uint)((Value >> 8) & 0x3ff) * 16;

    /// <summary>Bits 23:20, MHMV: the largest mask of an interrupt entry cache invalidation.</summary>
    public int MaxHandleMask => (int)((Value >> 20) & 0xf);

    /// <summary>Bit 26, NEST: first stage on top of second stage.</summary>
    public bool Nested => Bit(26);

    /// <summary>Bit 29, PRS: page requests.</summary>
    public bool PageRequests => Bit(29);

    /// <summary>Bit 30, ERS: requests to execute.</summary>
    public bool ExecuteRequests => Bit(30);

    /// <summary>Bit 31, SRS: privileged requests.</summary>
    public bool SupervisorRequests => Bit(31);

    /// <summary>Bit 34, EAFS: the extended accessed flag of first-stage entries.</summary>
    public bool ExtendedAccessedFlag => Bit(34);

    /// <summary>Bits 39:35, PSS: PASIDs have one bit more than this.</summary>
    public int PasidBits => (int)((Value >> 35) & 0x1f) + 1;

    /// <summary>Bit 40, PASID: requests may carry one.</summary>
    public bool Pasid => Bit(40);

    /// <summary>Bit 43, SMTS: scalable mode.</summary>
    public bool ScalableMode => Bit(43);

    /// <summary>Bit 45, SSADS: accessed and dirty bits of the second stage.</summary>
    public bool SecondStageAccessedDirty => Bit(45);

    /// <summary>Bit 46, SSTS: the second stage in scalable mode.</summary>
    public bool SecondStage => Bit(46);

    /// <summary>Bit 47, FSTS: the first stage in scalable mode.</summary>
    public bool FirstStage => Bit(47);

    /// <summary>Bit 48, SMPWCS: page walks that a PASID entry asks to snoop do so.</summary>
    public bool ScalableWalkSnoops => Bit(48);

    /// <summary>Bit 49, RPS: the PASID of requests without one can be chosen (RID_PASID).</summary>
    public bool RequestPasid => Bit(49);

    /// <summary>Bit 52, ADMS: abort-DMA mode.</summary>
    public bool AbortDmaMode => Bit(52);

    private bool Bit(int bit) => ((Value >> bit) & 1) != 0;
}
