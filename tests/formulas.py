"""Formulas as models write them, and such as only somebody writes who means no good."""

FORMULAS = r"""
x^2
\frac{1}{2}
x = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a}
\int_{-\infty}^{\infty} e^{-x^2} \, dx = \sqrt{\pi}
\sum_{n=1}^{\infty} \frac{1}{n^2} = \frac{\pi^2}{6}
\prod_{i=1}^n a_i
\lim_{x \to 0} \frac{\sin x}{x} = 1
\lim\limits_{n\to\infty} a_n
f'(x) = \lim_{h\to 0}\frac{f(x+h)-f(x)}{h}
\nabla \times \mathbf{E} = -\frac{\partial \mathbf{B}}{\partial t}
\begin{aligned} a &= b + c \\ &= d + e + f \\ &= g \end{aligned}
\begin{align*} a &= b \\ c &= d \end{align*}
\begin{align} a &= b \\ c &= d \end{align}
\begin{gather*} a = b \\ c = d \end{gather*}
\begin{gathered} a = b \\ c = d \end{gathered}
\begin{equation} a = b \end{equation}
\begin{equation*} a = b \end{equation*}
\begin{split} a &= b \\ &= c \end{split}
\begin{equation}\begin{split} a &= b \\ &= c \end{split}\end{equation}
\begin{multline*} a + b \\ + c \end{multline*}
|x| = \begin{cases} x & \text{if } x \ge 0 \\ -x & \text{otherwise} \end{cases}
f(n) = \begin{cases} 1, & n = 0, \\[2pt] n \cdot f(n-1), & n > 0 \end{cases}
\begin{rcases} a \\ b \end{rcases} \Rightarrow c
\begin{dcases} \frac{a}{b} & c \\ d & e \end{dcases}
\begin{pmatrix} a & b \\ c & d \end{pmatrix}
\begin{bmatrix} 1 & 0 & 0 \\ 0 & 1 & 0 \\ 0 & 0 & 1 \end{bmatrix}
\begin{vmatrix} a & b \\ c & d \end{vmatrix} = ad - bc
\begin{Vmatrix} a & b \\ c & d \end{Vmatrix}
\begin{Bmatrix} a & b \\ c & d \end{Bmatrix}
\begin{matrix} a & b \\ c & d \end{matrix}
\begin{smallmatrix} a & b \\ c & d \end{smallmatrix}
\left[\begin{array}{cc|c} 1 & 2 & 3 \\ 4 & 5 & 6 \end{array}\right]
\begin{array}{c|c} a & b \\ \hline c & d \end{array}
\begin{array}{lcr} a & b & c \\ d & e & f \end{array}
A^T = A^\top = A^{\mathsf{T}}
\text{Accuracy} = \frac{\text{TP} + \text{TN}}{\text{Total}}
\operatorname{softmax}(x)_i = \frac{e^{x_i}}{\sum_j e^{x_j}}
\operatorname*{arg\,max}_{\theta} \log p(x \mid \theta)
\operatorname*{argmin}_{x}
\underset{x}{\arg\min}\; f(x)
\arg\max_x f(x)
\argmax_x
\mathrm{d}x
\mathbb{R}^n, \mathbb{E}[X], \mathbb{P}(A), \mathbb{1}_{A}, \mathbb{Z}
\mathcal{L}(\theta) = -\sum_{i} y_i \log \hat{y}_i
\mathfrak{g}, \mathscr{L}, \mathsf{A}, \mathtt{code}, \mathit{abc}
\boldsymbol{\beta}, \bm{x}, \pmb{x}
\mathbf{x} = \begin{bmatrix} x_1 \\ x_2 \end{bmatrix}
\hat{y}, \bar{x}, \tilde{z}, \vec{v}, \dot{x}, \ddot{x}, \widehat{abc}, \widetilde{abc}
\overline{AB}, \underline{x}, \overrightarrow{AB}, \overleftarrow{AB}, \overleftrightarrow{AB}
\underbrace{a + b + c}_{\text{sum}}
\overbrace{a + b + c}^{n \text{ terms}}
\sqrt[3]{x + y}, \sqrt[n]{\frac{a}{b}}
\left( \frac{a}{b} \right)^2
\left\{ x \in \mathbb{R} \mid x > 0 \right\}
\left\lfloor \frac{n}{2} \right\rfloor, \left\lceil x \right\rceil, \left\langle u, v \right\rangle
\left. \frac{df}{dx} \right|_{x=0}
\left\| x \right\|_2, \|x\|, \lVert x \rVert, \lvert x \rvert, \Vert x \Vert
\bigl( \frac{a}{b} \bigr), \Big[ x \Big], \Bigg\{ y \Bigg\}, \bigg| z
\left(\frac{a}{b} \middle| c\right)
P(A \mid B) = \frac{P(B \mid A)\,P(A)}{P(B)}
\binom{n}{k} = \frac{n!}{k!(n-k)!}
\dbinom{n}{k}, \tbinom{n}{k}, {n \choose k}
\dfrac{a}{b}, \tfrac{a}{b}, \cfrac{1}{1 + \cfrac{1}{x}}
a \over b
e^{i\pi} + 1 = 0
\oint_C \mathbf{F} \cdot d\mathbf{r}
\iint_D f \, dA, \iiint_V
\Gamma, \Delta, \Theta, \Lambda, \Xi, \Pi, \Sigma, \Phi, \Psi, \Omega
\forall x \in X, \exists y : y \notin Z
A \cup B \cap C \setminus D, A \subseteq B \subset C, \emptyset, \varnothing
a \leq b \geq c \neq d \approx e \equiv f \sim g \propto h \ll i \gg j \cong k \simeq l
\xrightarrow{f}, \xleftarrow[g]{f}, A \xrightarrow{\text{heat}} B
\ldots, \cdots, \vdots, \ddots, \dots, \dotsb
\therefore, \because, \angle, \triangle, \perp, \parallel, \nparallel, \degree, 90^\circ
\stackrel{\text{def}}{=}, \overset{!}{=}, \underset{n}{\lim}, \triangleq, \coloneqq, :=
\substack{i=1 \\ i \neq j}
\sum_{\substack{0 \le i \le m \\ 0 < j < n}} P(i, j)
\boxed{x = 5}
\boxed{\text{Answer: } 42}
\cancel{x}, \bcancel{x}, \xcancel{x}
\color{red}{x} + y
\textcolor{blue}{x}
{\color{red} x}
\colorbox{yellow}{x}
\phantom{x}, \hphantom{x}, \vphantom{x}
\quad a \qquad b \; c \: d \, e \! f \ g ~ h
a \mod b, a \bmod b, a \pmod{b}, a \equiv b \pmod n
\gcd(a,b), \det A, \ker f, \dim V, \max, \min, \sup, \inf, \exp, \ln, \log_2, \tan, \arctan, \sinh, \deg, \Pr, \hom
\Re, \Im, \wp, \hbar, \ell, \imath, \jmath, \aleph, \partial, \nabla, \infty
\tag{1} x = y
x = y \tag{1}
x = y \label{eq:1}
x = y \nonumber
\mathrm{H_2O}
\ce{H2O}
\ce{2H2 + O2 -> 2H2O}
\mathrm{CO_2} \uparrow
5\,\text{kg} \cdot 9.81\,\text{m/s}^2
10^{-3}\,\mathrm{mol\,L^{-1}}
\SI{5}{kg}
\$5.00
100\%
a_{i,j}^{(k)}
{}^{14}_{6}\mathrm{C}
x'' + y' = 0
f^{(n)}(x)
x_1, x_2, \dotsc, x_n
\text{if } x > 0 \text{ and } y < 0
\text{cost in \$}
\text{for $x > 0$}
\textbf{bold}, \textit{it}, \texttt{code}, \textrm{rm}, \textsf{sf}
\mbox{text}
\displaystyle \sum_{i=1}^n i
\textstyle \sum_{i=1}^n i
\sum\nolimits_{i} x_i
\iff \quad \not= \not\in \nexists \not\equiv
a \; \& \; b, a \_ b, \{a\}, \#1
\ket{\psi}, \bra{\phi}, \braket{\phi|\psi}
\langle \psi | \hat{H} | \psi \rangle
|\psi\rangle = \alpha|0\rangle + \beta|1\rangle
\dagger, \ddagger, A^\dagger, A^{\ast}, A^*
\mathcal{O}(n \log n), O(n^2), \Theta(n), \Omega(n)
\begin{aligned} \dot{x} &= \sigma(y - x) \\ \dot{y} &= x(\rho - z) - y \\ \dot{z} &= xy - \beta z \end{aligned}
\left\{ \begin{array}{l} x + y = 1 \\ x - y = 2 \end{array} \right.
\left\{ \begin{aligned} x + y &= 1 \\ x - y &= 2 \end{aligned} \right.
\frac{\partial^2 u}{\partial t^2} = c^2 \nabla^2 u
\mathrm{Attention}(Q,K,V) = \mathrm{softmax}\left(\frac{QK^T}{\sqrt{d_k}}\right)V
\overset{\frown}{AB}, \wideparen{AB}
\complement, \exists!, \models, \vdash, \top, \bot
\lesssim, \gtrsim, \leqslant, \geqslant, \preceq, \succeq, \nleq, \ngeq
\blacksquare, \square, \Box, \lozenge, \checkmark, \qed
\mathring{A}, \check{x}, \acute{x}, \grave{x}, \breve{x}
\sideset{}{'}\sum_i
\require{cancel} \cancel{x}
\left[ 0, 1 \right), \left] a, b \right[
\tanh(x) = \frac{e^x - e^{-x}}{e^x + e^{-x}}
\iiiint, \oiint
\varGamma, \digamma
\bigcup_{i=1}^n A_i, \bigcap_i, \bigoplus_i, \bigotimes_i, \coprod, \bigvee, \bigwedge
\mathop{\mathrm{lim\,sup}}_{n}
\limsup_{n \to \infty} a_n, \liminf
\mathbin{+}, \mathrel{=}, \mathopen{(}, \mathclose{)}, \mathord{x}
\hspace{1em}, \hskip 1em, \kern 3pt, \mkern 3mu, \enspace, \thinspace
\smash{x}, \mathstrut
\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}^{-1} = \frac{1}{-2}\begin{pmatrix} 4 & -2 \\ -3 & 1 \end{pmatrix}
\begin{alignedat}{2} x &= 1 & y &= 2 \end{alignedat}
\begin{alignat*}{2} x &= 1 & \quad y &= 2 \end{alignat*}
\begin{flalign*} x &= 1 \end{flalign*}
\begin{eqnarray*} a &=& b \\ c &=& d \end{eqnarray*}
速度 = \frac{距離}{時間}
\text{面積} = \pi r^2
v = \frac{s}{t} = \frac{10\ \text{м}}{2\ \text{с}}
1{,}000{,}000
1,000,000
3.14159
\frac12 + \frac ab
\sqrt2 + \sqrt x
x_{max}
\int_0^1\!\int_0^1
\overline{\overline{X}}
E = mc^2 \quad \text{(Einstein)}
\mathbf{\Sigma}
\mathbb{E}_{x \sim p(x)}\left[ f(x) \right]
D_{\mathrm{KL}}(P \parallel Q) = \sum_x P(x) \log\frac{P(x)}{Q(x)}
D_{KL}(P\|Q)
\bigg\rvert_{x=0}
\Bigl\{ x \Bigr\}
\prescript{14}{6}{C}
\llbracket x \rrbracket
\text{a\_b}
\text{50\%}
\text{\textbf{x}}
\text{naïve – “quoted”}
\href{https://example.org}{x}
\sqrt{\sqrt{\sqrt{x}}}
\frac{\frac{a}{b}}{\frac{c}{d}}
a\leq\ b
\begin{aligned}[t] a &= b \end{aligned}
\begin{pmatrix*}[r] -1 & 3 \\ 2 & -4 \end{pmatrix*}
\left(\begin{matrix} a \\ b \end{matrix}\right)
\begin{array}{|c|c|} \hline a & b \\ \hline \end{array}
\begin{array}{rrr|r} 1 & 2 & 3 & 4 \\ 5 & 6 & 7 & 8 \end{array}
\begin{array}{@{}l@{}} a \end{array}
\begin{cases} x = 1 \\ y = 2 \end{cases}
\xRightarrow{a}, \xleftrightarrow{b}, \xmapsto{c}
\mathclap{x}, \mathllap{x}
\overparen{x}, \underparen{x}
\hdots, \dotsm, \dotsi
\Longrightarrow, \longleftrightarrow, \Longleftrightarrow, \leadsto, \rightsquigarrow, \nearrow
\lbrace x \rbrace, \lbrack x \rbrack
\lt, \gt, \le, \ge, \ne
\N, \Z, \R, \C, \Q
\upsilon, \Upsilon, \varpi, \varrho, \varsigma, \omicron
\mu\text{m}, \Omega, \text{Å}, \AA
\bold{x}, \rm x, {\bf x}, {\it x}, \mathbfit{x}
\vec{\mathbf{F}} = m\vec{a}
\hat{\mathbf{n}}
\lim_{\substack{x\to 0 \\ y\to 0}}
\underline{\underline{x}}
\overbrace{\underbrace{a}_{b}}^{c}
""".strip().splitlines()
FORMULAS += [
    r"\begin{bmatrix} a_{11} & a_{12} & \cdots & a_{1n} \\ \vdots & \vdots"
    r" & \ddots & \vdots \\ a_{m1} & a_{m2} & \cdots & a_{mn} \end{bmatrix}",
    r"\alpha, \beta, \gamma, \delta, \epsilon, \varepsilon, \zeta, \eta, \theta, \vartheta, \k"
    r"appa, \lambda, \mu, \nu, \xi, \pi, \rho, \sigma, \tau, \phi, \varphi, \chi, \psi, \omega",
    r"\implies, \iff, \to, \rightarrow, \Rightarrow, \leftrightarrow, \Leftrightarrow, \mapsto, "
    r"\longrightarrow, \uparrow, \downarrow, \hookrightarrow, \rightharpoonup, \rightleftharpoons",
    r"\cdot, \times, \div, \pm, \mp, \ast, \star, \circ, \bullet, "
    r"\oplus, \otimes, \odot, \wedge, \vee, \neg, \lnot, \land, \lor",
]

BOMBS = {
    "braces": "{" * 999 + "x" + "}" * 999,
    "open braces": "{" * 2_000,
    "open brackets": "[" * 2_000,
    "open parentheses": "(" * 2_000,
    "parentheses": "(" * 1_000 + ")" * 1_000,
    "fractions": r"\frac{" * 330,
    "fractions of fractions": r"\frac" * 400,
    "roots": r"\sqrt{" * 280 + "x" + "}" * 280,
    "roots of roots": r"\sqrt[" * 333,
    "hats": r"\hat" * 500 + "x",
    "powers": "x^{" * 500 + "y" + "}" * 500,
    "powers of powers": "x^" * 1_000,
    "left": r"\left(" * 330,
    "left and right": r"\left(" * 150 + r"\right)" * 150,
    "environments": r"\begin{matrix}" * 70 + r"\end{matrix}" * 70,
    "faces": r"\mathbf" * 280 + "x",
    "negations": r"\not" * 500,
    "boxes": r"\boxed{" * 280,
    "colours": r"\textcolor{red}{" * 120 + "x" + "}" * 120,
    "styles": r"{\rm" * 450,
    "texts": r"\text{" * 300,
    "stacks": r"\substack{" * 200,
    "stacks that end": r"\substack{" * 180 + "}" * 180,
    "stacked hats": (r"\hat" * 19 + "{") * 20 + "x" + "}" * 20,
    "hats in braces": (r"\hat" * 5 + "{") * 80 + "x" + "}" * 80,
    "overbraces": r"\overset{a}{" * 150 + "x" + "}" * 150,
    "a macro of itself": r"\def\a{\a\a}\a",
    "a macro that doubles": r"\newcommand{\a}[1]{#1#1#1#1#1#1#1#1}" + r"\a{" * 9 + "x" + "}" * 9,
    "chosen": r"a\choose b" * 200,
    "cells": r"\begin{matrix}" + "&" * 1_900 + r"\end{matrix}",
    "rows": r"\begin{matrix}" + r"\\" * 950 + r"\end{matrix}",
    "columns": r"\begin{array}{" + "c" * 1_900 + r"}x\end{array}",
    "a wide space": r"\hspace{99999999999999999999em}",
    "primes": "'" * 2_000,
    "dollars in words": r"\text{" + "$" * 1_900 + "}",
    "chemistry": r"\ce{" + "H2" * 990 + "}",
    "open chemistry": r"\ce{" * 490,
    "labels": r"\label{" * 280,
    "rows of rows": r"\\[" * 660,
}
